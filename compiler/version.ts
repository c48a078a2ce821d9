/** The version of the compiler, as package.json has it. */
export const version = '0.1.0';
