-- Keep everybody away for as long as the provider asks; where it refused before, for a random time past `opens`,
-- whose bound doubles each time. Calls that were refused together are one refusal.
local function hold(state, refused, sent, retry_after, opens, base, jitter)
    local known = redis.call('HMGET', state, 'held_until', 'refusals', 'refused_at')
    local until_when, before = now + still_held(known[1]), tonumber(known[2] or 0)
    if retry_after then until_when = math.max(until_when, now + math.min(LONGEST_HOLD, retry_after)) end
    if refused and (sent == 0 or sent > tonumber(known[3] or 0)) then
        local backoff = before > 0 and jitter * math.min(LONGEST_BACKOFF, base * 2 ^ (before - 1)) or 0
        if backoff >= 1 then until_when = math.ceil(math.max(until_when, opens) + backoff) end
        redis.call('HSET', state, 'refusals', before + 1, 'refused_at', now)
    end
    if until_when > now then redis.call('HSET', state, 'held_until', until_when) end
end
