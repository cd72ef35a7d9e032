// Server-Sent Events, read from a fetch: unlike EventSource it can tell why there is no stream, and ends when it is told to.

export interface Message { event: string; data: string }

/** Takes the text of a stream piece by piece and gives the messages that are whole. */
export class Parser {
  #rest = '';
  #event = '';
  #data: string[] = [];

  push(text: string): Message[] {
    const out: Message[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (this.#data.length > 0) out.push({ event: this.#event || 'message', data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue; // a comment
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
    }
    return out;
  }
}

/** Gives the messages of a body until it ends or is cancelled. */
export async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const parser = new Parser();
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
