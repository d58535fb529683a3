local state, flights = KEYS[2], KEYS[3]

-- The points that are surely there now, how many there can be, and how many come back a second.
local function bucket()
    local known = redis.call('HMGET', state, 'level', 'at', 'maximum', 'restore')
    local maximum, restore = tonumber(known[3]), tonumber(known[4])
    local restored = restore * math.max(0, now - known[2]) / 1000
    return math.min(maximum, known[1] + restored), maximum, restore
end
