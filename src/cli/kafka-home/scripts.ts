/** The scripts of a directory that looks like an installation of Kafka: each hands its arguments to the program under Kafka's own name. */

/** Where the program is. */
export interface Program {
  readonly node: string
  readonly main: string
}

/** For what a shell takes as one word. */
function word(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Its directory is known to what it starts: logs go there, and who stops servers finds them. */
const HOME = `LOGRAFT_HOME="$(cd "$(dirname "$0")/.." && pwd)"
export LOGRAFT_HOME
LOG_DIR="\${LOG_DIR:-$LOGRAFT_HOME/logs}"
export LOG_DIR
`

export function toolScript(name: string, { node, main }: Program): string {
  return `#!/bin/sh\n${HOME}exec ${word(node)} ${word(main)} ${name} "$@"\n`
}

/** Ends the servers that were started from this directory: \`SIGNAL\` may say how, as with Kafka's script. */
export const SERVER_STOP = `#!/bin/sh
${HOME}stopped=no
for file in "$LOGRAFT_HOME"/run/*.pid; do
  [ -f "$file" ] || continue
  process="$(basename "$file" .pid)"
  # A file that was left behind may name a process that is another one by now.
  case "$(ps -o args= -p "$process" 2>/dev/null)" in
    *main.js*) kill -s "\${SIGNAL:-TERM}" "$process" && stopped=yes ;;
    *) rm -f "$file" ;;
  esac
done
if [ "$stopped" = no ]; then
  echo 'No kafka server to stop' >&2
  exit 1
fi
`

/** There is nothing to stop, which is no failure. */
export const ZOOKEEPER_STOP = `#!/bin/sh
echo 'No ZooKeeper runs here, so there is none to stop.'
`

/** Who wants to look into it, or to change something there, cannot. */
export const ZOOKEEPER_SHELL = `#!/bin/sh
echo 'There is no ZooKeeper to look into: see kafka-topics.sh, kafka-configs.sh and kafka-metadata-quorum.sh with --bootstrap-server.' >&2
exit 1
`
