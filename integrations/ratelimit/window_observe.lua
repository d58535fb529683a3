-- An answer came: learn from what it says about each window ('' where it does not say).
local leave, refused = ARGV[1], ARGV[2] == '1'
local retry_after, jitter = tonumber(ARGV[3]), tonumber(ARGV[4])

local function learn(state, flights, limit, period, told, told_reset, time_left, refused, retry_after)
    local known = redis.call('HMGET', state, 'remaining', 'lost', 'ends', 'reset', 'answered', 'refusals')
    local remaining, lost, ends = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or 0)
    local reset, answered = tonumber(known[4] or 0), tonumber(known[5] or 0)
    local sent = tonumber(redis.call('ZSCORE', flights, leave) or 0)
    redis.call('ZREM', flights, leave)
    if sent > 0 then redis.call('HSET', state, 'round_trip', now - sent) end
    local is_over = sent >= ends or ends > now + period
    if told_reset and told_reset < reset - 1 and not is_over then return end  -- the late answer of an older window

    local thought_left = now < ends and remaining - lost - redis.call('ZCARD', flights) or 0
    local rose = told and told > remaining and sent > answered
    -- Where nothing remaining is told, the count is ours, and only a new reset may end it.
    local is_same = told_reset and not told and math.abs(told_reset - reset) <= 1
    if (told_reset and told_reset > reset + 1) or rose or (is_over and not is_same) then  -- a new window
        if ends == 0 or not (told or told_reset) then redis.call('HSET', state, 'careful_until', now + CAREFUL) end
        bury_the_dead(flights)
        remaining, lost, ends = told or limit - 1, 0, now + math.min(period, time_left)
    else
        if told then remaining = math.min(remaining, told) else lost = lost + 1 end
        ends = math.min(is_over and now + period or ends, now + time_left)
    end

    if refused then
        remaining = 0
        if thought_left > 0 then  -- somebody else uses the key
            redis.call('HSET', state, 'careful_until', now + 3 * period)
        end
    elseif known[6] and sent > tonumber(redis.call('HGET', state, 'refused_at') or 0) then
        redis.call('HDEL', state, 'refusals')
    end
    if refused or retry_after then hold(state, refused, sent, retry_after, ends, period, jitter) end
    redis.call('HSET', state, 'remaining', remaining, 'lost', lost, 'ends', ends, 'answered', now, 'limit', limit,
        'reset', told_reset or reset)
end

local windows = (#KEYS - 1) / 2
for window = 1, windows do
    local first = 5 * window
    -- The narrowest window is to blame for a refusal; if it was a wider one, the next refusal tells. Where the
    -- provider only asks for time, that goes for every call, and so for the last window, which counts them all.
    local is_blamed = refused and window == 1
    local is_asked = window == (refused and 1 or windows)
    learn(KEYS[2 * window], KEYS[2 * window + 1], tonumber(ARGV[first]), tonumber(ARGV[first + 1]),
        tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]),
        tonumber(ARGV[first + 4]) or tonumber(ARGV[first + 1]), is_blamed, is_asked and retry_after)
end
