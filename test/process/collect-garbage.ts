/** Loaded into a server under test: SIGUSR2 makes it collect its garbage, and say that it has. */
process.on('SIGUSR2', () => {
  // Several times: buffers are freed by finalizers of earlier rounds.
  for (let round = 0; round < 4; round++) globalThis.gc!()
  process.stdout.write('collected\n')
})
