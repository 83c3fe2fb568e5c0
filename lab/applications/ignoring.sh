# Bad: ignores every signal that asks it to stop.
trap '' TERM INT HUP
while :; do sleep 1; done
