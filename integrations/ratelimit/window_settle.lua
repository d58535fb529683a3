-- No answer will come. The unit is free again ('not sent'), or may have been used ('lost').
local leave, outcome = ARGV[1], ARGV[2]
for window = 1, (#KEYS - 1) / 2 do
    local was_in_flight = redis.call('ZREM', KEYS[2 * window + 1], leave) == 1
    if was_in_flight and outcome == 'lost' then redis.call('HINCRBY', KEYS[2 * window], 'lost', 1) end
end
