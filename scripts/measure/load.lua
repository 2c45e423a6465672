-- What wrk sends: clicks, each from one of a million addresses behind a trusted proxy, on codes in turn by chance, BATCH to a
-- request. Closes with how many bytes a request had.
local batch = tonumber(os.getenv("BATCH"))
local codes, threads = {}, {}
for code in os.getenv("CODES"):gmatch("[^,]+") do codes[#codes + 1] = code end
requests, bytes = 0, 0

local function click()
    return string.format('{"type":"click","code":"%s","landingPage":"https://demo-store.example/p/%d","referrer":"https://blog.example/post","utmSource":"newsletter"}',
        codes[math.random(#codes)], math.random(500))
end

function setup(thread) threads[#threads + 1] = thread end

function init() math.randomseed(7) end

function request()
    local body, path = click(), "/track/click"
    if batch > 1 then
        local items = { body }
        for i = 2, batch do items[i] = click() end
        body, path = "[" .. table.concat(items, ",") .. "]", "/track/batch"
    end
    local text = wrk.format("POST", path, {
        ["Content-Type"] = "application/json",
        ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        ["X-Forwarded-For"] = string.format("%d.%d.%d.7", math.random(1, 100), math.random(0, 99), math.random(0, 99)),
    }, body)
    requests, bytes = requests + 1, bytes + #text
    return text
end

function done()
    for _, thread in ipairs(threads) do
        print(string.format("bytes a request: %d", thread:get("bytes") / thread:get("requests")))
    end
end
