# Good: ends at once on SIGTERM and SIGINT, with 0.
trap 'kill $!; exit 0' TERM INT
while :; do
  sleep 1 &
  wait $!
done
