# Bad: a shell in front of the program, which waits for it and passes nothing on.
sh polite.sh
echo "the program is over"
