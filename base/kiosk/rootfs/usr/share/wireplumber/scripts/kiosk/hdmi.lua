-- Where one card has HDMI and other outputs, of which it uses one at a time: HDMI, if something is plugged in there.
-- Only loaded when settings.json says so (base/kiosk/settings/sound.ts). WirePlumber itself chooses by ALSA's priorities.

cutils = require ("common-utils")

SimpleEventHook {
  name = "kiosk/find-hdmi-profile",
  after = "device/find-preferred-profile",
  before = "device/find-best-profile",
  interests = {
    EventInterest {
      Constraint { "event.type", "=", "select-profile" },
    },
  },
  execute = function (event)
    if event:get_data ("selected-profile") then
      return
    end
    local best = nil
    for p in event:get_subject ():iterate_params ("EnumProfile") do
      local profile = cutils.parseParam (p, "EnumProfile")
      if profile and profile.available == "yes" and profile.name:find ("hdmi", 1, true)
          and (best == nil or profile.priority > best.priority) then
        best = profile
      end
    end
    if best then
      event:set_data ("selected-profile", best)
    end
  end
}:register ()
