-- May this query leave now? It is charged what it asks for; what it does not use comes back with its answer.
-- Answers {wait (0: go), reason, all points that were settled so far, 1}.
local leave, caller, asked, share = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local remembers = ARGV[7] == '1'
local known = redis.call('HMGET', state, 'held_until', 'claim', 'claimant', 'claim_until', 'claim_of_a_person',
    'level', 'round_trip', 'paused_until')
local paused = tonumber(known[8] or 0) - now
if paused > 0 then return come_back(caller, paused, 'paused') end
local held = still_held(known[1])
if held > 0 then return come_back(caller, held, 'limit') end
if not known[6] then
    -- At the very beginning the bucket is full. Where a caller remembers better times, the store has forgotten:
    -- the bucket may be empty, and calls be under way that the first answers do not know.
    redis.call('HSET', state, 'level', remembers and 0 or ARGV[5], 'at', now,
        'maximum', ARGV[5], 'restore', ARGV[6], 'believes_since', remembers and now + CAREFUL or 0)
end

local level, maximum, restore = bucket()
local is_person, claimant = share == 0, caller .. ' ' .. asked
local claim_left = tonumber(known[4] or 0) - now
local is_claimed = known[2] and claim_left > 0 and claim_left < 2000 * maximum / restore and known[3] ~= claimant
    and (known[5] == '1' or not is_person)  -- a person does not wait for the background
local needed = math.min(maximum, asked + share * maximum)
local claimed = is_claimed and tonumber(known[2]) or 0

if level < needed + claimed then
    local wait = math.max(1, math.ceil((needed + claimed - level) * 1000 / restore))
    if not is_claimed then  -- Its claim lasts until it is back, so that small ones cannot starve it.
        redis.call('HSET', state, 'claim', needed, 'claimant', claimant, 'claim_until', now + wait + 1000,
            'claim_of_a_person', is_person and 1 or 0)
    end
    if redis.call('ZCARD', flights) > 0 then  -- answers under way may give points back
        wait = math.min(wait, math.max(20, math.min(1000, math.floor(tonumber(known[7] or 0) / 4))))
    end
    return come_back(caller, wait, 'limit')
end
if known[3] == claimant then redis.call('HDEL', state, 'claim', 'claimant') end
redis.call('HSET', state, 'level', level - asked, 'at', now)
redis.call('ZADD', flights, now, leave)
return {0, '', redis.call('HGET', state, 'settled') or '0', 1}
