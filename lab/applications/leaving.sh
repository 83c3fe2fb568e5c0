# Bad: ends on SIGTERM at once, and leaves a worker behind that has not heard of it.
sh -c 'while :; do sleep 1; done' &
trap 'exit 0' TERM INT
while :; do
  sleep 1 &
  wait $!
done
