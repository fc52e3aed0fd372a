"""What the commands of the command line do. Each module is loaded when its command is called."""
