/** Where a test looks at what only Linux tells of a process, in `/proc`, or asks of Linux. */

/** Why it is skipped; false: it is not. */
export const withoutLinux = process.platform === 'linux' ? false : `it is for Linux, this is ${process.platform}`
