// Drawn for the console on a grid of 16, with one stroke.

import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export const icons = {
  overview: <Icon><path d="M1.5 9.5h3l2-6 3 9 2-5h3" /></Icon>,
  apps: <Icon><rect x="2" y="2" width="5" height="5" rx="1" /><rect x="9" y="2" width="5" height="5" rx="1" /><rect x="2" y="9" width="5" height="5" rx="1" /><rect x="9" y="9" width="5" height="5" rx="1" /></Icon>,
  channels: <Icon><path d="M6.2 2 4.8 14M11.2 2 9.8 14M2.5 5.5h11.5M2 10.5h11.5" /></Icon>,
  connections: <Icon><path d="M5.5 2v3M10.5 2v3M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0zM8 12v2.5" /></Icon>,
  live: <Icon><circle cx="8" cy="8" r="1.5" /><path d="M4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6" /></Icon>,
  publish: <Icon><path d="M14 2 7 9M14 2 9.5 14 7 9 2 6.5z" /></Icon>,
  webhooks: <Icon><circle cx="8" cy="4" r="2" /><circle cx="3.5" cy="11.5" r="2" /><circle cx="12.5" cy="11.5" r="2" /><path d="M7 5.8 4.6 9.8M9 5.8l2.4 4M5.5 11.5h5" /></Icon>,
  cluster: <Icon><rect x="2" y="2.5" width="12" height="4" rx="1" /><rect x="2" y="9.5" width="12" height="4" rx="1" /><path d="M4.5 4.5h.01M4.5 11.5h.01" /></Icon>,
  search: <Icon><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3.5 3.5" /></Icon>,
  menu: <Icon><path d="M2 4h12M2 8h12M2 12h12" /></Icon>,
  pause: <Icon><path d="M5.5 3v10M10.5 3v10" /></Icon>,
  play: <Icon><path d="M4.5 2.8v10.4L13 8z" /></Icon>,
  close: <Icon><path d="m3.5 3.5 9 9M12.5 3.5l-9 9" /></Icon>,
  light: <Icon><circle cx="8" cy="8" r="2.8" /><path d="M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7" /></Icon>,
  dark: <Icon><path d="M13.5 9.7A6 6 0 0 1 6.3 2.5a6 6 0 1 0 7.2 7.2z" /></Icon>,
  system: <Icon><rect x="1.5" y="2.5" width="13" height="8.5" rx="1" /><path d="M6 14h4" /></Icon>,
  copy: <Icon><rect x="5.5" y="5.5" width="8" height="8" rx="1" /><path d="M10.5 3.5v-1h-8v8h1" /></Icon>,
  leave: <Icon><path d="M6 2.5H3v11h3M10.5 5 13.5 8l-3 3M13.5 8H6.5" /></Icon>,
  lock: <Icon><rect x="3" y="7" width="10" height="7" rx="1" /><path d="M5 7V5a3 3 0 0 1 6 0v2" /></Icon>,
};

export type IconName = keyof typeof icons;

/** The mark: a gannet that dives. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#123a4f" />
      <path d="M25 5 12.5 14.5 5 16l5.5 2.5L9 27l7-7.5 3.5 3L18 17z" fill="#f4f7f8" />
      <path d="M25 5l-4 8.6L18 17l-2.4-4.9z" fill="#e9b44c" />
    </svg>
  );
}
