/** A keyboard layout, as xkeyboard-config has them. */
export interface KeyboardLayout {
  /** As `de`. */
  readonly code: string;
  /** In English, as "German". */
  readonly name: string;
  /** As `nodeadkeys`. */
  readonly variants: readonly string[];
}

// The list of Debian's xkb-data 2.42: code, name, variants. The build of the kiosk compares it with the package that it
// puts into the image (base/build/tools/lists.ts), and says what it should be.
const LIST = `
al|Albanian|plisi veqilharxhi
et|Amharic
am|Armenian|phonetic phonetic-alt eastern eastern-alt western
ara|Arabic|digits azerty azerty_digits buckwalter mac mac-phonetic olpc
eg|Arabic (Egypt)
iq|Arabic (Iraq)|ku ku_alt ku_f ku_ara
ma|Arabic (Morocco)|tifinagh tifinagh-alt tifinagh-alt-phonetic tifinagh-extended tifinagh-phonetic tifinagh-extended-phonetic french rif
sy|Arabic (Syria)|syc syc_phonetic ku ku_alt ku_f
az|Azerbaijani|cyrillic
ml|Bambara|fr-oss us-mac us-intl
bd|Bangla|probhat
by|Belarusian|legacy latin intl phonetic ru
be|Belgian|oss oss_latin9 iso-alternate nodeadkeys wang
dz|Berber (Algeria, Latin)|ber azerty-deadkeys qwerty-gb-deadkeys qwerty-us-deadkeys ar
ba|Bosnian|alternatequotes unicode unicodeus us
brai|Braille|left_hand left_hand_invert right_hand right_hand_invert
bg|Bulgarian|phonetic bas_phonetic bekl
mm|Burmese|zawgyi mnw mnw-a1 shn zgt
cn|Chinese|altgr-pinyin mon_trad mon_trad_todo mon_trad_xibe mon_trad_manchu mon_trad_galik mon_todo_galik mon_manchu_galik tib tib_asciinum ug
hr|Croatian|alternatequotes unicode unicodeus us
cz|Czech|bksl qwerty qwerty_bksl winkeys winkeys-qwerty qwerty-mac ucw dvorak-ucw rus
dk|Danish|nodeadkeys winkeys mac mac_nodeadkeys dvorak
af|Dari|ps uz fa-olpc ps-olpc uz-olpc
mv|Dhivehi
nl|Dutch|us mac std
bt|Dzongkha
au|English (Australia)
cm|English (Cameroon)|french qwerty azerty dvorak mmuock
gh|English (Ghana)|generic gillbt akan avn ewe fula ga hausa
nz|English (New Zealand)|mao
ng|English (Nigeria)|hausa igbo yoruba
za|English (South Africa)
gb|English (UK)|extd intl dvorak dvorakukp mac mac_intl colemak colemak_dh gla pl
us|English (US)|euro intl alt-intl altgr-intl mac colemak colemak_dh colemak_dh_wide colemak_dh_ortho colemak_dh_iso colemak_dh_wide_iso dvorak dvorak-intl dvorak-alt-intl dvorak-l dvorak-r dvorak-classic dvp dvorak-mac norman symbolic workman workman-intl olpc2 chr haw rus hbs
epo|Esperanto|legacy
ee|Estonian|nodeadkeys dvorak us
fo|Faroese|nodeadkeys
ph|Filipino|qwerty-bay capewell-dvorak capewell-dvorak-bay capewell-qwerf2k6 capewell-qwerf2k6-bay colemak colemak-bay dvorak dvorak-bay
fi|Finnish|winkeys classic nodeadkeys mac smi
fr|French|nodeadkeys oss oss_nodeadkeys oss_latin9 latin9 latin9_nodeadkeys azerty afnor bepo bepo_latin9 bepo_afnor dvorak ergol ergol_iso mac us bre oci geo
ca|French (Canada)|fr-dvorak fr-legacy multix eng ike
cd|French (Democratic Republic of the Congo)
tg|French (Togo)
ge|Georgian|ergonomic mess os ru
de|German|deadacute deadgraveacute deadtilde nodeadkeys e1 e2 T3 us dvorak mac mac_nodeadkeys neo qwerty dsb dsb_qwertz ro ro_nodeadkeys ru tr
at|German (Austria)|nodeadkeys mac
ch|German (Switzerland)|de_nodeadkeys de_mac legacy fr fr_nodeadkeys fr_mac
gr|Greek|simple nodeadkeys polytonic
il|Hebrew|si2 lyx phonetic biblical
hu|Hungarian|standard nodeadkeys qwerty 101_qwertz_comma_dead 101_qwertz_comma_nodead 101_qwertz_dot_dead 101_qwertz_dot_nodead 101_qwerty_comma_dead 101_qwerty_comma_nodead 101_qwerty_dot_dead 101_qwerty_dot_nodead 102_qwertz_comma_dead 102_qwertz_comma_nodead 102_qwertz_dot_dead 102_qwertz_dot_nodead 102_qwerty_comma_dead 102_qwerty_comma_nodead 102_qwerty_dot_dead 102_qwerty_dot_nodead
is|Icelandic|mac_legacy mac dvorak
in|Indian|asm-kagapa ben ben_probhat ben_baishakhi ben_bornona ben-kagapa ben_gitanjali ben_inscript eng guj guj-kagapa bolnagri hin-wx hin-kagapa kan kan-kagapa mal mal_lalitha mal_enhanced mal_poorna mni mar-kagapa marathi ori ori-bolnagri ori-wx guru jhelum san-kagapa sat tamilnet tamilnet_tamilnumbers tamilnet_TAB tamilnet_TSCII tam tam_tamilnumbers tel tel-kagapa tel-sarala urd-phonetic urd-phonetic3 urd-winkeys iipa
id|Indonesian (Latin)|melayu-phonetic melayu-phoneticx pegon-phonetic javanese
ie|Irish|UnicodeExpert CloGaelach ogam ogam_is434
it|Italian|nodeadkeys winkeys mac us ibm fur scn geo
jp|Japanese|kana kana86 OADG109A mac dvorak
kz|Kazakh|kazrus ext latin ruskaz
kh|Khmer (Cambodia)
kr|Korean|kr104
kg|Kyrgyz|phonetic
la|Lao|stea
lv|Latvian|apostrophe tilde fkey modern modern-cyr ergonomic adapted
lt|Lithuanian|std us ibm lekp lekpa ratise sgs
mk|Macedonian|nodeadkeys
my|Malay (Jawi, Arabic Keyboard)|phonetic
mt|Maltese|us alt-us alt-gb
md|Moldavian|gag
mn|Mongolian
me|Montenegrin|cyrillic cyrillicyz cyrillicalternatequotes latinunicode latinyz latinunicodeyz latinalternatequotes
np|Nepali
gn|N'Ko (AZERTY)
no|Norwegian|nodeadkeys winkeys mac mac_nodeadkeys colemak colemak_dh colemak_dh_wide dvorak smi smi_nodeadkeys
ir|Persian|pes_keypad winkeys azb ku ku_alt ku_f ku_ara
pl|Polish|legacy qwertz dvorak dvorak_quotes dvorak_altquotes dvp csb szl ru_phonetic_dvorak
pt|Portuguese|nodeadkeys mac mac_nodeadkeys nativo nativo-us nativo-epo
br|Portuguese (Brazil)|nodeadkeys dvorak nativo nativo-us thinkpad nativo-epo rus
ro|Romanian|std winkeys
ru|Russian|phonetic phonetic_winkeys phonetic_YAZHERTY phonetic_azerty phonetic_dvorak typewriter ruchey_ru ruchey_en legacy typewriter-legacy dos mac ab bak cv cv_latin xal kom chm os_legacy os_winkeys srp tt udm sah
rs|Serbian|alternatequotes yz latin latinalternatequotes latinunicode latinyz latinunicodeyz rue
lk|Sinhala (phonetic)|us tam_unicode tam_TAB
sk|Slovak|bksl qwerty qwerty_bksl
si|Slovenian|alternatequotes us
es|Spanish|nodeadkeys deadtilde winkeys dvorak ast cat
latam|Spanish (Latin American)|nodeadkeys deadtilde dvorak colemak
ke|Swahili (Kenya)|kik
tz|Swahili (Tanzania)
se|Swedish|nodeadkeys dvorak us_dvorak svdvorak mac us swl smi rus
tw|Taiwanese|indigenous saisiyat
tj|Tajik|legacy
th|Thai|tis pat
bw|Tswana
tm|Turkmen|alt
tr|Turkish|f e alt intl ku ku_f ku_alt
ua|Ukrainian|phonetic typewriter winkeys macOS legacy homophonic crh crh_f crh_alt
pk|Urdu (Pakistan)|urd-crulp urd-nla ara snd
uz|Uzbek|latin
vn|Vietnamese|us fr
sn|Wolof
`;

/** All layouts that there are. */
export const KEYBOARDS: readonly KeyboardLayout[] = LIST.trim()
  .split("\n")
  .map((line) => {
    const [code = "", name = "", variants = ""] = line.split("|");
    return { code, name, variants: variants.split(" ").filter(Boolean) };
  });

const BY_CODE = new Map(KEYBOARDS.map((layout) => [layout.code, layout]));

/** The layout of that code, if there is one. */
export function layoutCalled(code: string): KeyboardLayout | undefined {
  return BY_CODE.get(code);
}
