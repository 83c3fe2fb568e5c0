# Bad: becomes a program that knows nothing of the child it already has, and never waits for it.
sleep 0.1 &
exec sleep 1000
