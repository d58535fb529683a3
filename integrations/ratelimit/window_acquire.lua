-- May this call leave now? It needs room in every window that it counts in.
-- Answers {wait (0: go), reason, ''} and, of each window, until when it is known to be closed (0: not known).
local leave, caller = ARGV[1], ARGV[2]
local is_paused = false

-- How long to wait for room; until when the window is closed to everybody; whether the call would open it.
local function look(state, flights, limit, period, share, remembered)
    local known = redis.call('HMGET', state, 'remaining', 'lost', 'ends', 'limit', 'round_trip', 'probe',
        'careful_until', 'held_until', 'paused_until')
    local paused = tonumber(known[9] or 0) - now
    if paused > 0 then
        is_paused = true
        return paused, 0
    end
    local held = still_held(known[8])
    if held > 0 then return held, now + held end
    local in_flight = redis.call('ZCARD', flights)
    local shortly = math.max(20, math.min(1000, math.floor(tonumber(known[5] or 0) / 4)))

    local ends = tonumber(known[3] or remembered)
    if ends <= now or ends > now + period then  -- over, or unknown: one call goes first, the others wait for it
        local probe_left = known[6] and redis.call('ZSCORE', flights, known[6])
        local is_awaited = probe_left and math.abs(now - probe_left) < PROBE_PATIENCE
        return is_awaited and shortly or 0, 0, true
    end

    local left = tonumber(known[1] or 0) - tonumber(known[2] or 0)
    local reserve = math.floor(share * tonumber(known[4] or limit))
    local kept = reserve * (ends - now) / period  -- melts towards the end, so that nothing is wasted
    local weight = now < tonumber(known[7] or 0) and 4 or 1
    if left - in_flight * weight > kept then return 0, 0 end

    local dead = bury_the_dead(flights)
    if dead > 0 then
        redis.call('HINCRBY', state, 'lost', dead)
        return look(state, flights, limit, period, share, remembered)
    end
    if in_flight > 0 and left > kept then return shortly, 0 end  -- answers under way may free units
    local melting = reserve > 0 and math.max(0, left) * period / reserve or 0
    return math.max(1, math.ceil(ends - now - melting)), left <= 0 and ends or 0
end

local longest, closed, opening = 0, {}, {}
for window = 1, (#KEYS - 1) / 2 do
    local wait, closed_until, opens = look(KEYS[2 * window], KEYS[2 * window + 1],
        tonumber(ARGV[4 * window - 1]), tonumber(ARGV[4 * window]), tonumber(ARGV[4 * window + 1]),
        tonumber(ARGV[4 * window + 2]))
    longest, closed[window], opening[window] = math.max(longest, wait), closed_until, opens
end
if longest > 0 then
    local answer = come_back(caller, longest, is_paused and 'paused' or 'limit')
    for window = 1, #closed do answer[window + 3] = closed[window] end
    return answer
end
for window = 1, #closed do
    if opening[window] then redis.call('HSET', KEYS[2 * window], 'probe', leave) end
    redis.call('ZADD', KEYS[2 * window + 1], now, leave)
end
return {0, '', ''}
