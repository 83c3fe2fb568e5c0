#!/bin/sh
# Writes what steady says of a container to where node_exporter's textfile collector reads it. Run it once a minute, by cron
# or a timer, for each container:
#
#   textfile.sh /var/lib/prometheus/node-exporter web docker exec web /sbin/steady
#
# The label container="web" comes from here and not from inside, where nobody is trusted with it. What is not whole is
# thrown away, so that the file of before stays and grows old (the alert SteadyStatusStale).
set -eu
folder=$1
name=$2
shift 2
case $name in '' | *[!A-Za-z0-9_.-]*)
  echo "textfile.sh: no name for a label: $name" >&2
  exit 2
  ;;
esac
fresh=$(mktemp "$folder/.steady-$name.XXXXXX")
trap 'rm -f "$fresh"' EXIT
"$@" --openmetrics </dev/null |
  sed -e "/^#/!s/^[a-z_]*{/&container=\"$name\",/" -e "/^#/!s/^\\([a-z_]*\\) /\\1{container=\"$name\"} /" >"$fresh"
[ "$(tail -n 1 "$fresh")" = "# EOF" ]
chmod 644 "$fresh"
mv "$fresh" "$folder/steady-$name.prom"
