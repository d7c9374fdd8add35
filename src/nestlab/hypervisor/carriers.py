"""Processes of a lab, as a shell finds them: by what they carry in their command line."""

CARRIERS = """
carriers() {
    printf 'guest=%s\\n' "$1" "$1,debug-threads=on" |
        grep -lzxF -f - /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3
}
"""
"""A function that prints the process ids of an identity, of a guest or of a switch; libvirt adds a
word to it. The pattern goes through a pipe, so that neither the shell nor grep carries it as an
argument."""
