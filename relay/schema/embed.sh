#!/bin/sh
# embed.sh NNNN_name.sql ...: prints the migrations as C, for schema.c.
set -eu
for file in "$@"; do
    base=$(basename "$file" .sql)
    printf 'static const char *const lines_%s[] = {\n' "${base%%_*}"
    sed -e 's/[\\"]/\\&/g' -e 's/.*/    "&\\n",/' "$file"
    printf '    NULL,\n};\n\n'
done
printf 'static const Migration migrations[] = {\n'
for file in "$@"; do
    base=$(basename "$file" .sql)
    number=${base%%_*}
    printf '    {%d, "%s", lines_%s},\n' "$((1$number - 10000))" "${base#*_}" "$number"
done
printf '};\n'
