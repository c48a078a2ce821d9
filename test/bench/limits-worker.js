/** One core's part of the limits: calls a function again and again for a while, and answers how much it did a second. In JavaScript, since a worker has no loader for more. */
import { parentPort, workerData } from 'node:worker_threads';

const { module, arrayBytes } = workerData;
const page = 65_536;
const open = async bytes => (await WebAssembly.instantiate(module, { env: { memory: new WebAssembly.Memory({ initial: Math.ceil(bytes / page), maximum: page }) } })).exports;
const small = await open(page);

parentPort.on('message', async ({ call, milliseconds, each }) => {
  // the triad's memory is given back after each time
  const f = (call === 'triad' ? await open(3 * arrayBytes) : small)[call];
  if (call === 'triad') { f(); f(); }
  const started = performance.now();
  let [calls, elapsed] = [0, 0];
  do { f(); calls++; elapsed = performance.now() - started; } while (elapsed < milliseconds);
  parentPort.postMessage(calls * each / (elapsed / 1000));
});
