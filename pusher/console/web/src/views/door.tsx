// Signing in, when the server wants it.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, say, session, signIn } from '../api/client';
import { span } from '../data/format';
import { Field } from '../parts/basics';
import { Mark } from '../parts/icons';

export function Door() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const secret = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Sign in · Gannet';
    secret.current?.focus();
  }, []);
  const wait = error instanceof ApiError && error.retryAfter > 0 ? ` Try again in ${span(error.retryAfter)}.` : '';
  return (
    <main class="door">
      <form class="panel" onSubmit={(e) => {
        e.preventDefault();
        setBusy(true);
        signIn(secret.current?.value ?? '').catch((failed: unknown) => {
          setError(failed);
          setBusy(false);
          secret.current?.select();
        });
      }}>
        <h1 class="brand"><Mark />Gannet</h1>
        <p class="soft">This console asks for the password or the token of the configuration: <code>admin.password</code>, <code>admin.token</code>.</p>
        <input type="text" name="username" autocomplete="username" value="operator" class="away" tabIndex={-1} aria-hidden="true" readOnly />
        <Field label="Password or token" bad={error !== null} hint={error === null ? undefined : <span role="alert">{say(error)}{wait}</span>}>
          {(ids) => <input {...ids} ref={secret} class="input" type="password" name="secret" autocomplete="current-password" required />}
        </Field>
        <button type="submit" class="button main" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
        {session.value?.version ? <p class="faint">Version {session.value.version}</p> : null}
      </form>
    </main>
  );
}
