// The small parts that every view is made of.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError, say } from '../api/client';
import { percent } from '../data/format';
import { announce } from './status';
import { icons } from './icons';

export function Panel({ title, tools, children, flush = false, label }: {
  title?: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren; flush?: boolean; label?: string;
}) {
  return (
    <section class="panel" aria-label={label}>
      {title !== undefined || tools !== undefined ? (
        <header>
          {title !== undefined ? <h2>{title}</h2> : null}
          {tools !== undefined ? <div class="push">{tools}</div> : null}
        </header>
      ) : null}
      {flush ? children : <div class="body">{children}</div>}
    </section>
  );
}

/** Where there is nothing to see: what that means, and what to do about it. */
export function Nothing({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="nothing"><strong>{title}</strong>{children}</div>;
}

/** What went wrong, and a way to try again. */
export function Trouble({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  const away = error instanceof ApiError && error.away;
  return (
    <div class="note bad" role="alert">
      <span>{say(error)}{away ? ' It is asked again by itself.' : ''}</span>
      {again ? <button type="button" class="button small" onClick={again}>Try again</button> : null}
    </div>
  );
}

/** Rows of a table that is not there yet. */
export function Bones({ rows = 5, columns }: { rows?: number; columns: number }) {
  return (
    <>
      {Array.from({ length: rows }, (_, r) => (
        <tr key={r} aria-hidden="true">
          {Array.from({ length: columns }, (_, c) => <td key={c}><span class="bone" style={{ width: `${c === 0 ? 150 - 17 * (r % 3) : 46 + 9 * ((r + c) % 3)}px`, maxWidth: '100%' }} /></td>)}
        </tr>
      ))}
    </>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'plum';

export function Tag({ tone, children, title }: { tone?: Tone | undefined; children: ComponentChildren; title?: string | undefined }) {
  return <span class={`tag ${tone ?? ''}`} title={title}>{children}</span>;
}

/** How much of something is used. */
export function Meter({ part, label }: { part: number; label: string }) {
  const level = part >= 0.95 ? 'bad' : part >= 0.8 ? 'warn' : '';
  const width = Math.min(1, Math.max(part > 0 ? 0.01 : 0, part));
  return (
    <div class={`meter ${level}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(Math.min(1, part) * 100)} aria-valuetext={percent(part)}>
      <div><div style={{ width: `${width * 100}%` }} /></div>
      <span class="number soft">{percent(part)}</span>
    </div>
  );
}

/** The field that "/" leads to. */
export function Search({ label, value, placeholder, onValue }: { label: string; value: string; placeholder: string; onValue: (text: string) => void }) {
  const [text, set] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const given = useRef(value);
  // The address may change what is searched for; what is being typed may not be changed by its own echo.
  useEffect(() => {
    if (value !== given.current) set(value);
    given.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next: string, soon: number) => {
    set(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => { given.current = next; onValue(next); }, soon);
  };
  return (
    <div class="search" role="search">
      {icons.search}
      <input class="input" type="search" data-search aria-label={label} aria-keyshortcuts="/" placeholder={placeholder} value={text} spellcheck={false} autocomplete="off"
        onInput={(e) => tell(e.currentTarget.value, 180)}
        onKeyDown={(e) => {
          if (e.key === 'Enter') tell(e.currentTarget.value, 0);
          if (e.key === 'Escape') { if (e.currentTarget.value === '') e.currentTarget.blur(); tell('', 0); }
        }} />
      {text === '' ? <kbd aria-hidden="true">/</kbd> : null}
    </div>
  );
}

export function Select<T extends string>({ label, id, value, choices, onValue }: { label?: string; id?: string; value: T; choices: readonly (readonly [T, string])[]; onValue: (value: T) => void }) {
  return (
    <select class="input" id={id} aria-label={label} value={value} onChange={(e) => onValue(e.currentTarget.value as T)}>
      {choices.map(([choice, text]) => <option key={choice} value={choice}>{text}</option>)}
    </select>
  );
}

/** One of a few, all in sight. */
export function Segments<T extends string>({ label, value, choices, onValue }: {
  label: string; value: T; choices: readonly (readonly [T, ComponentChildren, string?])[]; onValue: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="away">{label}</legend>
      {choices.map(([choice, text, spoken]) => (
        <label key={choice} title={spoken}>
          <input type="radio" name={name} value={choice} checked={choice === value} aria-label={spoken} onChange={() => onValue(choice)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function Field({ label, hint, bad, children }: { label: string; hint?: ComponentChildren; bad?: boolean; children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => JSX.Element }) {
  const id = useId();
  const about = `${id}-hint`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(hint ? { 'aria-describedby': about } : {}), ...(bad ? { 'aria-invalid': true } : {}) })}
      {hint ? <div id={about} class={`hint ${bad ? 'bad' : ''}`}>{hint}</div> : null}
    </div>
  );
}

/** A dialog that is open as long as it is rendered; Escape and the backdrop ask it to go. */
export function Dialog({ label, onClose, children, drawer = false }: { label: string; onClose: () => void; children: ComponentChildren; drawer?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class={drawer ? 'drawer' : 'fade'} aria-label={label}
      onCancel={(e) => { e.preventDefault(); onClose(); }}
      onClick={(e) => { if (e.target === e.currentTarget) onClose(); }}>
      {children}
    </dialog>
  );
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, children, action, onDo, onClose }: { title: string; children: ComponentChildren; action: string; onDo: () => Promise<void>; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  return (
    <Dialog label={title} onClose={onClose}>
      <form onSubmit={(e) => {
        e.preventDefault();
        setBusy(true);
        onDo().then(onClose, (failed: unknown) => { setError(failed); setBusy(false); });
      }}>
        <h2>{title}</h2>
        {children}
        {error ? <Trouble error={error} /> : null}
        <div class="row">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="button main danger" disabled={busy}>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** Puts text on the clipboard, where the browser lets it. */
export function Copy({ text, what }: { text: string; what: string }) {
  if (typeof navigator.clipboard?.writeText !== 'function') return null; // not a secure origin
  return (
    <button type="button" class="button plain small icon" aria-label={`Copy ${what}`} title={`Copy ${what}`}
      onClick={() => navigator.clipboard.writeText(text).then(() => announce(`Copied ${what}`), () => announce('The browser did not let it be copied'))}>
      {icons.copy}
    </button>
  );
}

/** The way to more of a list that comes in pages. */
export function Pages({ back, next, children }: { back: (() => void) | null; next: (() => void) | null; children: ComponentChildren }) {
  return (
    <div class="more">
      <span>{children}</span>
      {back || next ? (
        <span class="push row">
          <button type="button" class="button small" disabled={!back} onClick={() => back?.()}>Previous</button>
          <button type="button" class="button small" disabled={!next} onClick={() => next?.()}>Next</button>
        </span>
      ) : null}
    </div>
  );
}

/** What a table scrolls in when it is wider than the window; keys have to reach it then. */
export function Scroll({ children }: { children: ComponentChildren }) {
  const ref = useRef<HTMLDivElement>(null);
  const [wider, setWider] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const sized = new ResizeObserver(() => setWider(element.scrollWidth > element.clientWidth));
    sized.observe(element);
    if (element.firstElementChild) sized.observe(element.firstElementChild);
    return () => sized.disconnect();
  }, []);
  return <div ref={ref} class="scroll" {...(wider ? { tabIndex: 0, role: 'group', 'aria-label': 'Table that scrolls sideways' } : {})}>{children}</div>;
}

/** Rows that lead somewhere: a click anywhere follows the row's first link, and the arrow keys go from link to link. */
export function Rows({ children }: { children: ComponentChildren }) {
  return (
    <tbody
      onClick={(e) => {
        const target = e.target as HTMLElement;
        if (target.closest('a, button, input, label, select') || getSelection()?.isCollapsed === false) return;
        target.closest('tr')?.querySelector<HTMLAnchorElement>('a[href]')?.click();
      }}
      onKeyDown={(e) => {
        const step = e.key === 'ArrowDown' || e.key === 'j' ? 1 : e.key === 'ArrowUp' || e.key === 'k' ? -1 : 0;
        if (step === 0 || e.ctrlKey || e.metaKey || e.altKey || (e.target as HTMLElement).matches('input, select, textarea')) return;
        const links = [...e.currentTarget.querySelectorAll<HTMLElement>('tr > td:first-child a[href]')];
        const here = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement) ?? false);
        const to = links[here + step];
        if (here < 0 || !to) return;
        e.preventDefault();
        to.focus();
      }}>
      {children}
    </tbody>
  );
}
