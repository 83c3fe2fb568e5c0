# Bad: puts itself into the background, so the main program is over at once.
sh polite.sh >/dev/null 2>&1 &
exit 0
