"""What the commands of this folder share. `prepare` and `children` need nothing but Python itself."""
