/** How the engine runs the compiler: imported before anything else of it, by the command line and by what times it. */
import nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';

/** Node keeps compiled code between runs where it can (22.1 and later): most of a short run is reading code for the first time. */
const { enableCompileCache } = nodeModule as { readonly enableCompileCache?: () => unknown }; // not in the types of Node 20
enableCompileCache?.();
// several threads that compile binaryen's code get in the way of the one that runs it: its passes took twice as long (SPEED.md)
setFlagsFromString('--wasm-num-compilation-tasks=1');
// most functions are called sooner or later: all of a file at once is quicker than one after the other as they are called
setFlagsFromString('--no-lazy');
// Node 20 optimizes what will soon be over, on a core that shares its units with the one that compiles a model; later ones choose better, and have no such flag
if (/^2[01]\./.test(process.versions.node)) setFlagsFromString('--interrupt-budget=300000');
