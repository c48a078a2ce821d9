/** Milliseconds of work after which others get their turn. */
export const slice = 10;
/** Lets everything that waits have its turn. A timer would cost a millisecond and more; a message costs microseconds. */
export const pause = (): Promise<void> => new Promise(resolve => {
  if (typeof setImmediate === 'function') { setImmediate(resolve); return; }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); resolve(); };
  port2.postMessage(0);
});
