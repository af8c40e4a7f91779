from cleartract.evaluation.window_count import WindowCount


def test_windows_of_all_that_is_denoised_are_counted():
    told = []
    count = WindowCount(10, lambda done, total: told.append((done, total)))
    first, second = count.part(4), count.part(6)
    for done in range(5):
        first(done, 4)
    second(3, 3)  # a recording may be cut otherwise than was thought
    assert told[0] == (0, 10)
    assert told[5] == (4, 10)
    assert told[-1] == (10, 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
