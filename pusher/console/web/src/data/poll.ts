// Asking the server again and again, as long as somebody looks.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Poll<T> {
  data: T | null;
  error: unknown;
  /** Nothing is known yet. */
  waiting: boolean;
  again: () => void;
}

/**
 * Asks at once and then every so many milliseconds, but not while the page is hidden. Another key is another question:
 * what was known is forgotten, and answers to the old one are not taken. A failure keeps what was known beside the error.
 */
export function usePoll<T>(key: string, every: number, ask: (cancel: AbortSignal) => Promise<T>): Poll<T> {
  const [state, set] = useState<{ key: string; data: T | null; error: unknown }>({ key, data: null, error: null });
  const latest = useRef(ask);
  latest.current = ask;
  const kick = useRef<() => void>(() => {});

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | null = null;
    let ended = false;

    async function turn(): Promise<void> {
      clearTimeout(timer);
      running?.abort();
      const mine = new AbortController();
      running = mine;
      try {
        const data = await latest.current(mine.signal);
        if (mine.signal.aborted) return;
        set({ key, data, error: null });
      } catch (error) {
        if (mine.signal.aborted) return;
        set((before) => ({ key, data: before.key === key ? before.data : null, error }));
      }
      if (!ended && every > 0) timer = setTimeout(() => { if (!document.hidden) void turn(); }, every);
    }

    const seen = () => { if (!document.hidden && every > 0) void turn(); };
    kick.current = () => void turn();
    document.addEventListener('visibilitychange', seen);
    void turn();
    return () => {
      ended = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key, every]);

  const again = useCallback(() => kick.current(), []);
  const mine = state.key === key;
  return { data: mine ? state.data : null, error: mine ? state.error : null, waiting: !mine || (state.data === null && state.error === null), again };
}

/** The time, now and every second. */
export function useNow(every = 1000): number {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
