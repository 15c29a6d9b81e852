/** Bounded waiting: a doctor that hangs says nothing. */

/** What a promise that takes too long comes to. */
export const LATE: unique symbol = Symbol("late");

/** The promise's value, or LATE; what it comes to after that is nobody's. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined);
  }
}
