"""One module a command of s2r_train: add_arguments(parser) and run(args)."""
