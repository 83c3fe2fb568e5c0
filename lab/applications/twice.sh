# Bad: a second SIGTERM puts it back to work.
stopping=no
stop() {
  if [ "$stopping" = yes ]; then
    trap '' TERM
    while :; do sleep 1; done
  fi
  stopping=yes
  kill $!
  until [ -e /nonexistent ] || [ "${n:-0}" -ge 5 ]; do
    n=$((${n:-0} + 1))
    sleep 0.1
  done
  exit 0
}
trap stop TERM
while :; do
  sleep 1 &
  wait $!
done
