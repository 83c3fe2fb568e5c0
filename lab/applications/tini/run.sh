# Bad: ignores every stop signal, and has the name of an init in its path.
trap '' TERM INT HUP
while :; do sleep 1; done
