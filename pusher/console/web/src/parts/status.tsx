// One line for what has just been done, seen for some seconds and read out by screen readers.

import { signal } from '@preact/signals';

const message = signal('');
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  message.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => { message.value = ''; }, 5000);
}

export function Status() {
  return <div class={`status ${message.value ? 'shown' : ''}`} role="status">{message.value}</div>;
}
