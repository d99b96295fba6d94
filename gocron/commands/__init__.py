"""The commands, one file each: `arguments(parser)` says what it takes, `run` does it.

`run(arguments, config)` returns the exit status. `cli` imports the one file that is asked for:
a sweep starts each minute.
"""
