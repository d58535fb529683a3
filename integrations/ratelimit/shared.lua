-- What every script begins with. Moments are milliseconds by the store's clock, times milliseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local DEAD_AFTER = 60000      -- a call that is not reported for so long is lost: its process died
local PROBE_PATIENCE = 5000   -- another call may go first where the first is not answered for so long
local CAREFUL = 2000          -- after the store has forgotten: calls that it does not know may be under way
local LONGEST_BACKOFF, LONGEST_HOLD = 900000, 3600000
local waiting = KEYS[1]

-- Whoever is told to come back waits until then, for all to see.
local function come_back(caller, wait, reason)
    redis.call('ZREMRANGEBYSCORE', waiting, 0, now)
    redis.call('ZADD', waiting, now + wait, caller)
    redis.call('PEXPIRE', waiting, wait + 1000)
    return {wait, reason, ''}
end

local function bury_the_dead(flights)
    return redis.call('ZREMRANGEBYSCORE', flights, 0, now - DEAD_AFTER)
end

-- How long everybody has to keep away, and nobody is told why by the limit itself. A moment that no hold can
-- reach was written before the store's clock was set back.
local function still_held(held_until)
    local left = tonumber(held_until or 0) - now
    return left < LONGEST_HOLD + LONGEST_BACKOFF and math.max(0, left) or 0
end
