-- ARGV: root, epoch, from, to, stamp, whole, parts, hour, packed, part…, (link, packed)…
-- `whole` is the stamp of what is replaced, or empty where this is a delta.
local epoch, from, to, stamp, whole = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local parts, hour, packed = tonumber(ARGV[7]), ARGV[8], ARGV[9]

local kept = redis.call('HMGET', progress, 'epoch', 'next', 'stamp')
local kept_epoch, kept_next = kept[1] or string.rep('0', 20), kept[2] or string.rep('0', 20)
local is_here = kept_next == from
if whole ~= '' then
    is_here = (kept[3] or 'none') == whole
end
if kept_epoch > epoch or not is_here then
    return { MOVED, kept_epoch, kept_next }
end
if whole == '' and redis.call('EXISTS', journal) == 1 then
    return { UNFOLDED, '', '' }
end
for i = 10, 9 + parts do
    if redis.call('EXPIRE', root .. ':part:' .. ARGV[i], PROGRESS_KEPT_S) == 0 then
        return { PART_GONE, '', '' }
    end
end
if whole ~= '' then
    wipe()
end
for i = 10, 9 + parts do
    redis.call('RPUSH', journal, ARGV[i])
end
redis.call('HSET', progress, 'epoch', epoch, 'next', to, 'stamp', stamp)
put_links(ARGV, 10 + parts)
if packed ~= '' then
    put_recent(hour, packed)
end
keep()
return { DONE, '', '' }
