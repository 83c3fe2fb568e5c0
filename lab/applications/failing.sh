# Bad: does not start.
echo "cannot open the database" >&2
exit 3
