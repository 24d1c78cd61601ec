#include "base/http/url.h"

#include <gtest/gtest.h>

namespace cubelet::http {
namespace {

TEST(Url, TargetIsWhatARequestLineCanCarry) {
  struct Row {
    const char* path;
    const char* want;
  };
  for (const Row& row : {
           Row{"/", "/"},
           Row{"", "/"},
           Row{"healthz", "/healthz"},
           Row{"/a b?c d", "/a%20b?c%20d"},
           Row{"/x#part", "/x"},
           Row{"?x=1", "/?x=1"},
           Row{"/a%20b", "/a%20b"},
           Row{"/100%", "/100%25"},
           Row{"/a%20b%zz", "/a%2520b%25zz"},
           Row{"/?a=%zz", "/?a=%25zz"},
           Row{"/x\r\nHost: evil", "/x%0D%0AHost:%20evil"},
           Row{"/\xc3\xbc", "/%C3%BC"},
       }) {
    EXPECT_EQ(escapeTarget(row.path), row.want) << row.path;
  }
}

TEST(Url, IsWrittenWithBracketsAroundIpv6) {
  EXPECT_EQ(toText({"http", "10.0.0.1", 80, "/x"}), "http://10.0.0.1:80/x");
  EXPECT_EQ(toText({"https", "::1", 8443, "/"}), "https://[::1]:8443/");
  EXPECT_EQ(hostAndPort({"http", "web", 0, "/"}), "web");
  EXPECT_EQ(portOf({"https", "web", 0, "/"}), 443);
  EXPECT_EQ(portOf({"http", "web", 0, "/"}), 80);
}

TEST(Url, IsParsed) {
  struct Row {
    const char* text;
    const char* want;  // "" when it is none
  };
  for (const Row& row : {
           Row{"http://web/x", "http://web/x"},
           Row{"HTTPS://web:8443", "https://web:8443/"},
           Row{"http://user:pw@web:80/", "http://web:80/"},
           Row{"http://[::1]:80/a?b", "http://[::1]:80/a?b"},
           Row{"http://web?q", "http://web/?q"},
           Row{"ftp://web/", ""},
           Row{"web/x", ""},
           Row{"http://", ""},
           Row{"http://web:0/", ""},
           Row{"http://web:70000/", ""},
           Row{"http://[::1/", ""},
           Row{"http://[::1]x/", ""},
       }) {
    Result<Url> url = parseUrl(row.text);
    EXPECT_EQ(url ? toText(*url) : "", row.want) << row.text;
  }
}

TEST(Url, ReferencesAreResolved) {
  struct Row {
    const char* reference;
    const char* want;
  };
  const Url base{"http", "web", 81, "/a/b?q=1"};
  for (const Row& row : {
           Row{"/x", "http://web:81/x"},
           Row{"x", "http://web:81/a/x"},
           Row{"../x", "http://web:81/x"},
           Row{"./", "http://web:81/a/"},
           Row{"../../..", "http://web:81/"},
           Row{"?r", "http://web:81/a/b?r"},
           Row{"", "http://web:81/a/b?q=1"},
           Row{"//other/x", "http://other/x"},
           Row{"https://web/x", "https://web/x"},
           Row{"/a:b", "http://web:81/a:b"},
       }) {
    Result<Url> url = resolve(base, row.reference);
    EXPECT_EQ(url ? toText(*url) : url.error().message, row.want) << row.reference;
  }
}

}  // namespace
}  // namespace cubelet::http
