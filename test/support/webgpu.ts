/** What WebGPU tests import: the two devices, and `test` for those that need one that computes. */
import test from 'ava';

export { softwareDevice, softwareGpu, validateWgsl } from './software-gpu.ts';

const leftOut = process.env['BNNC_NO_WEBGPU'] === '1';
/** `test`, or `test.skip` where `BNNC_NO_WEBGPU=1` says that this machine can have no WebGPU. Without it a missing adapter fails. */
export const webgpuTest = leftOut ? test.skip : test;
/** The same for tests that run alone. */
export const webgpuTestSerial = leftOut ? test.serial.skip : test.serial;
