import { apps } from '../state';
import { Field, Select } from './basics';

/** Which app to look at; nothing to choose where there is one alone. `any` adds the choice of all of them. */
export function AppSelect({ value, any, labelled = false, onValue }: { value: string; any?: string; labelled?: boolean; onValue: (app: string) => void }) {
  const all = apps.value ?? [];
  if (all.length === 0 || (all.length === 1 && any === undefined)) return null;
  const choices = all.map(({ id }) => [id, `App ${id}`] as const);
  // One that is gone from the configuration may still be in an address.
  const known = value === '' || all.some(({ id }) => id === value);
  const offered = [...(any === undefined ? [] : [['', any] as const]), ...(known ? [] : [[value, `App ${value}`] as const]), ...choices];
  if (labelled) return <Field label="App">{({ id }) => <Select id={id} value={value} onValue={onValue} choices={offered} />}</Field>;
  return <Select label="App" value={value} onValue={onValue} choices={offered} />;
}
