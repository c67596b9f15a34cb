//! Pages: what is asked for, and what the `Link` header says comes next.

use safeclaw_sdk::prelude::*;

/// Checks a page's size and number, with the API's own bounds.
pub(crate) fn bounds(per_page: Option<u32>, page: Option<u32>) -> Result<(u32, u32)> {
    let (per_page, page) = (per_page.unwrap_or(30), page.unwrap_or(1));
    ensure!((1..=100).contains(&per_page), "per_page is 1 to 100");
    ensure!(page >= 1, "pages are counted from 1");
    Ok((per_page, page))
}

/// The number of the next page, from `<https://…?page=3>; rel="next", <…>; rel="last"`. Only the number is taken:
/// where the next request goes is not for an answer to say.
pub(crate) fn next(link: Option<&str>) -> Option<u32> {
    link?.split(',').find_map(|entry| {
        let (url, parameters) = entry.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        let (_, query) = url.split_once('?').filter(|_| is_next)?;
        query.split('&').find_map(|pair| pair.strip_prefix("page=")).and_then(|number| number.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::{bounds, next};

    #[test]
    fn the_next_page_is_a_number_and_nothing_else() {
        let link = r#"<https://api.github.com/repositories/1/issues?per_page=2&page=1>; rel="prev", <https://api.github.com/repositories/1/issues?per_page=2&page=3>; rel="next", <https://api.github.com/repositories/1/issues?per_page=2&page=50>; rel="last""#;
        assert_eq!(next(Some(link)), Some(3));
        for none in [
            "",
            "<https://h/?page=2>; rel=\"last\"",
            "<https://h/?page=x>; rel=\"next\"",
            "<https://h/?per_page=2>; rel=\"next\"",
            "https://h/?page=2; rel=\"next\"",
            "<>; rel=\"next\"",
        ] {
            assert_eq!(next(Some(none)), None, "{none}");
        }
        assert_eq!(next(None), None);
    }

    #[test]
    fn pages_have_the_bounds_of_the_api() {
        assert_eq!(bounds(None, None).ok(), Some((30, 1)));
        assert!(bounds(Some(0), None).is_err() && bounds(Some(101), None).is_err() && bounds(None, Some(0)).is_err());
    }
}
