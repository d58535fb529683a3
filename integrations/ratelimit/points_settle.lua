-- No answer will come. The points are there again ('not sent'), or were taken ('lost'), which answers to queries
-- that have left already may not tell.
local leave, outcome, asked = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('ZREM', flights, leave) == 0 then return end
if outcome == 'lost' then
    redis.call('HINCRBYFLOAT', state, 'settled', asked)
else
    local level, maximum = bucket()
    redis.call('HSET', state, 'level', math.min(maximum, level + asked), 'at', now)
end
