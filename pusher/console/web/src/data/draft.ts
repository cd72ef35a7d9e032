/** Channel names as people write them: with commas, blanks or lines between. */
export function names(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((name) => name !== ''))];
}

/** What is wrong with data as JSON; '' when it is JSON. Text that is none may be published, too. */
export function notJSON(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
