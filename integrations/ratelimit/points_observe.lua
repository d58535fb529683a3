-- An answer came: give back what the query did not use, and believe what is told to be left, less all that may not
-- be in it yet: what is under way, and what was answered since this query left ('' where the answer does not say).
local leave, refused, asked, actual = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4])
local available, retry_after, jitter = tonumber(ARGV[5]), tonumber(ARGV[8]), tonumber(ARGV[9])
local settled_then = tonumber(ARGV[10])
local sent = tonumber(redis.call('ZSCORE', flights, leave) or 0)
if sent == 0 then return end  -- the store has forgotten, or given it up for dead
redis.call('ZREM', flights, leave)
bury_the_dead(flights)

local level, maximum, restore = bucket()
maximum, restore = tonumber(ARGV[6]) or maximum, tonumber(ARGV[7]) or restore
local known = redis.call('HMGET', state, 'believes_since', 'refusals', 'refused_at', 'settled')
local believes_since, settled = tonumber(known[1] or 0), tonumber(known[4] or 0)
actual = refused and 0 or math.min(asked, actual or asked)
level = refused and not available and 0 or level + asked - actual
if available and (sent >= believes_since or believes_since > now + CAREFUL) then
    level, believes_since = available - (settled - settled_then), sent
    for _, flight in ipairs(redis.call('ZRANGE', flights, 0, -1)) do
        level = level - tonumber(flight:match('%d+$'))
    end
end
redis.call('HSET', state, 'level', math.min(maximum, level), 'at', now, 'maximum', maximum, 'restore', restore,
    'believes_since', believes_since, 'settled', settled + actual, 'round_trip', now - sent)
if refused or retry_after then
    hold(state, refused, sent, retry_after, now, 1000, jitter)
elseif known[2] and sent > tonumber(known[3] or 0) then
    redis.call('HDEL', state, 'refusals')
end
