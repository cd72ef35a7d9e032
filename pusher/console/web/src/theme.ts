// Light, dark, or as the system has it. The choice is kept in this browser.

import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const key = 'gannet.theme';

function kept(): Theme {
  try {
    const value = localStorage.getItem(key);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system'; // storage is forbidden
  }
}

const system = matchMedia('(prefers-color-scheme: dark)');

/** What was chosen, and whether the page is dark by it now. */
export const theme = signal<Theme>(kept());
export const dark = signal(false);

function apply(): void {
  dark.value = theme.value === 'dark' || (theme.value === 'system' && system.matches);
  document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light';
}

export function choose(next: Theme): void {
  theme.value = next;
  try {
    if (next === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  } catch {
    // It lasts as long as the page.
  }
  apply();
}

system.addEventListener('change', apply);
apply();
