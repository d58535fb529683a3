-- Hold every call for so long, and say why.
redis.call('HSET', KEYS[2], 'paused_until', now + ARGV[1], 'pause_reason', ARGV[2])
