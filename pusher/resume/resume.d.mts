/** All of it may be left out. */
export interface Options {
  /**
   * The past that a new subscription asks for: a number of events, or a time such as "30s". A function is asked for
   * each channel by its name; what is empty or 0 asks for nothing.
   */
  rewind?: number | string | ((channel: string) => number | string | null | undefined);
}

/** `resume:recovered` on the connection, `pusher:resume_recovered` on the channel: all that was missed follows. */
export interface Recovered {
  channel: string;
  /** The position gone on from. */
  from: string;
}

/** `resume:gap` on the connection, `pusher:resume_gap` on the channel: something was lost for good. */
export interface Gap {
  channel: string;
  /**
   * `expired`: more was missed than the history holds. `epoch`: the server has begun a new one. `ahead`, `invalid`: the
   * position is not one of this server. `jump`: events did not arrive. `unknown`: the server did not say.
   */
  reason: 'expired' | 'epoch' | 'ahead' | 'invalid' | 'jump' | 'unknown' | (string & {});
  /** The last position before. */
  from: string;
  /** The position after; absent when the channel has no history any more. */
  to?: string;
  /** How many events, where that is known. */
  missed?: number;
}

/** `resume:lag` on the connection, `pusher:resume_lag` on the channel: left out because this client reads too slowly. */
export interface Lag {
  channel: string;
  missed: number;
}

/**
 * Installs itself in a Pusher class, and returns it. To be called before `new Pusher`; a second call changes nothing.
 */
export default function resume<P>(Pusher: P, options?: Options): P;
