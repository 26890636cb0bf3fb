"""What this server does per second and per CPU second, next to what people would otherwise pick."""
