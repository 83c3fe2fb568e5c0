# Good: starts two programs, passes the stop signal on to both, and waits for them. It has no name that anybody knows.
stop() {
  kill -TERM "$one" "$other"
  wait "$one" "$other"
  exit 0
}
trap stop TERM INT
sh polite.sh & one=$!
sh polite.sh & other=$!
while :; do wait; done
